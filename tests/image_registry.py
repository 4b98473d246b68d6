"""A registry with one image, from which a Docker engine of this machine can pull, as slowly as a test wants it."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
SIZE = 3_000_000  # bytes of its only layer
PIECE = 100_000


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry:
    """`with Registry() as registry:` then pull `registry.image`. `pause` is that between two pieces.

    The image cannot be run; its layer is noise.
    """

    def __init__(self, pause: float = 0) -> None:
        self.pause = pause
        self.given_up = threading.Event()  # a download has been broken off by the engine
        layer, unpacked = packed_noise()
        rootfs = {"type": "layers", "diff_ids": [digest(unpacked)]}
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
        self._blobs = {digest(data): data for data in (layer, config)}
        parts = {"size": len(config), "digest": digest(config)}, {"size": len(layer), "digest": digest(layer)}
        self._manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": "application/vnd.docker.container.image.v1+json", **parts[0]},
                "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", **parts[1]}],
            }
        ).encode()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.image = f"{self.address}/noise"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause = 0
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, type and content."""
        if path == "/v2/":
            return 200, "application/json", b"{}"
        if path.startswith("/v2/noise/manifests/") and path.rpartition("/")[2] in ("latest", digest(self._manifest)):
            return 200, MANIFEST, self._manifest
        blob = self._blobs.get(path.rpartition("/")[2])
        if blob is not None:
            return 200, "application/octet-stream", blob
        error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        return 404, "application/json", json.dumps(error).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._head()

            def do_GET(self) -> None:
                content = self._head()
                try:
                    for start in range(0, len(content), PIECE):
                        self.wfile.write(content[start : start + PIECE])
                        threading.Event().wait(registry.pause)
                except OSError:
                    registry.given_up.set()

            def _head(self) -> bytes:
                status, kind, content = registry._answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Docker-Content-Digest", digest(content))
                self.end_headers()
                return content

            def log_message(self, *words: object) -> None:
                pass

        return Handler


def packed_noise() -> tuple[bytes, bytes]:
    """A layer that does not get smaller when it is packed, and the same unpacked; another one each time."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("noise")
        entry.size = SIZE
        archive.addfile(entry, io.BytesIO(os.urandom(SIZE)))
    return gzip.compress(file.getvalue(), 1), file.getvalue()

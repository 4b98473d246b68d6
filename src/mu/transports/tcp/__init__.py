"""TCP: the wire protocol of Node's mu-tcp."""

from mu.transports.tcp.client import TcpClient as client
from mu.transports.tcp.server import TcpServer as server

__all__ = ["client", "server"]

"""Why a name could not be found: one exception for each reason.

Each text says which server was asked what, what was found, and what to do. `code` is what Node's DNS calls it.
"""


class ConcordantError(Exception):
    """A name was not found. All that this package raises is one of its subclasses.

    `temporary`: whether the same question may well be answered a moment later.
    """

    code = "EDNS"
    temporary = False

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class NoSuchName(ConcordantError):
    """The server says that the name does not exist (NXDOMAIN)."""

    code = "ENOTFOUND"


class NoSuchRecord(ConcordantError):
    """The name exists, but has no record of the kind that was asked for (NODATA)."""

    code = "ENODATA"


class NobodyAnswered(ConcordantError):
    """No answer within the time allowed, or nothing listens where the server should be."""

    code = "ETIMEOUT"
    temporary = True


class ServerFailed(ConcordantError):
    """The server answered that it cannot say (SERVFAIL and its like), or something that is no answer."""

    code = "ESERVFAIL"
    temporary = True


class ServerRefused(ServerFailed):
    """The server does not want to answer this question, or this client (REFUSED)."""

    code = "EREFUSED"
    temporary = False


class BadName(ConcordantError):
    """What was to be looked up cannot be a name in DNS."""

    code = "EBADNAME"


class NotConfigured(ConcordantError):
    """There is no server to ask: the system has none configured, or the environment is not as it must be."""

    code = "ECONFIG"


class ServerNotFound(ConcordantError):
    """DNS_HOST is a host name, and this machine does not know its address."""

    code = "EBADHOST"
    temporary = True


class NotInstalled(ConcordantError, ImportError):
    """The package that asks the questions is missing."""

    code = "ENOTINSTALLED"

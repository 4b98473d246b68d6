"""What a browser does: get and post, and a page in the notebook."""

from IPython.display import display

from workbook import browser


def get(address: str, **headers: str) -> None:
    """GET a URL and show the answer; a header such as Accept is given as accept="..."."""
    print(f"GET {address}")
    show_answer("GET", address, headers={name.replace("_", "-"): value for name, value in headers.items()})


def post(address: str, **fields: str) -> None:
    """Send a form with these fields to a URL and show the answer."""
    print(f"POST {address} " + " ".join(f"{name}={value}" for name, value in fields.items()))
    show_answer("POST", address, fields=fields)


def show_answer(
    method: str, address: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> None:
    try:
        print(browser.request(method, address, fields, headers))
    except browser.NoAnswer as error:
        print(f"no answer: {error.reason}")


def page(address: str, height: int = 560) -> None:
    """The live page, in a frame of this notebook."""
    style = "display: block; box-sizing: border-box; width: 100%; border: 1px solid #8888"
    frame = f'<iframe src="{address}" height="{height}" style="{style}"></iframe>'
    display({"text/html": frame, "text/plain": f"the page {address}"}, raw=True)

"""The text browser of the notebooks."""

import pytest

from workbook import browser, ports

PAGE = """<!DOCTYPE html><html><head><title>Not shown</title></head><body><header>Nor this</header>
<main><h1>A   title</h1><form><p><label>Name</label>
<input name="n" value="&lt;b&gt;"></p><p><input name="m"></p><button>Go</button></form>
<p>1 &lt; 2, and <b>bold</b></p></main><footer>Nor that</footer></body></html>"""


def test_page_is_read_as_its_words_fields_and_buttons() -> None:
    assert browser.as_text(PAGE).splitlines() == [
        *("A title", "Name [<b>]", "[]", "[[Go]]", "1 < 2, and bold"),
    ]


def test_table_is_read_row_by_row() -> None:
    page = "<main><table><tr><th>a</th><th>b</th></tr>\n<tr>\n<td>1</td>\n<td></td></tr></table></main>"
    assert browser.as_text(page).splitlines() == ["a | b", "1 |"]


def test_nobody_there_is_explained() -> None:
    port = ports.free_ports(["nobody"])["nobody"]
    with pytest.raises(browser.NoAnswer, match=f"no answer from http://127.0.0.1:{port}/: Connection refused"):
        browser.request("GET", f"http://127.0.0.1:{port}/")

"""What services say, made fit for where it is shown: nothing in it may move the cursor or clear the screen."""

import re

RESET = "\x1b[0m"
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*([@-~]?)"  # a control sequence; its last character says what it does: m sets colours
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # such as a link, or the window's title
    r"|\x1b[ -/]*[0-~]?"
)
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) != "\t"} | {0x7F: 0x2421}
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


def printable(text: str, in_colour: bool) -> str:
    """The text without what steers a terminal; its colours stay if `in_colour`, and end with it."""
    if text.isprintable():
        return text
    pieces, position = [], 0
    for match in _ESCAPE.finditer(text):
        pieces.append(text[position : match.start()].translate(_PICTURES))
        if in_colour and match[1] == "m":
            pieces.append(match[0])
        position = match.end()
    pieces.append(text[position:].translate(_PICTURES))
    whole = "".join(pieces)
    return whole + RESET if "\x1b" in whole else whole

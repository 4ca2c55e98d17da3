"""The Chinese translations as a translator edits them."""

from pathlib import Path

from babel.messages.pofile import read_po

from captioner import messages

PO_FILE = Path(messages.__file__).parent / "locale" / "zh_CN" / "LC_MESSAGES" / "captioner.po"
with PO_FILE.open("rb") as file:
    CATALOGUE = read_po(file, abort_invalid=True)
TRANSLATIONS = {entry.id: entry.string for entry in CATALOGUE if entry.id}

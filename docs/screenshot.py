"""Takes the READMEs' screenshots of the page, with its own example: `python docs/screenshot.py`.

Needs the extra `dev` and a Chromium; to be taken again when the page or its model has changed.
"""

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from captioner import load_model
from captioner.ui import Serving, free_port
from captioner.ui.cleanup import upload_folder
from captioner.ui.offline import stay_offline

DOCS = Path(__file__).parent


def main() -> None:
    """Serve the page, give it the picture, and save what it looks like in both languages."""
    stay_offline("127.0.0.1")
    with upload_folder() as uploads, sync_playwright() as playwright:
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        from captioner.ui import page

        serving = Serving()
        service = page.service_of(load_model(), serving, uploads)
        served = page.launch(service, serving, free_port("127.0.0.1", 0))
        photo = page.FOLDER / "examples" / "beach.jpg"
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for locale, name in (("en-US", "page.png"), ("zh-CN", "page.zh.png")):
            view = browser.new_page(viewport={"width": 860, "height": 900}, locale=locale)
            view.goto(served.local_url)
            view.locator("#photo input[type=file]").set_input_files(photo)
            view.locator("#strip canvas").wait_for()
            view.wait_for_timeout(2000)  # until everything has been drawn
            view.screenshot(path=DOCS / name, full_page=True)
        browser.close()
        served.close(verbose=False)


if __name__ == "__main__":
    main()

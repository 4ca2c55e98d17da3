// What gradio's own components leave out: arrow keys between tabs and between the two languages,
// whether the choices are unfolded, and names that say what is to be read.
(() => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  // Tabs: one stop for the Tab key, arrow keys go on from there (WAI-ARIA, tabs pattern).
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("#tabs [role=tab]");
    if (!tab || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...tab.parentElement.querySelectorAll("[role=tab]")];
    const ends = { Home: 0, End: all.length - 1 };
    const at = all.indexOf(tab) + (step[event.key] ?? 0) + all.length;
    const next = ends[event.key] ?? (step[event.key] && at % all.length);
    if (next === undefined) return;
    event.preventDefault();
    all[next].focus();
    all[next].click();
  });

  // A number that somebody has emptied is again what it was; gradio would take the least one.
  const NUMBER = "#how input[type=number]";
  let before = "";
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches?.(NUMBER)) before = target.value;
  });
  document.addEventListener(
    "blur",
    ({ target }) => {
      if (!target.matches?.(NUMBER) || target.value) return;
      target.value = before;
      target.dispatchEvent(new Event("input", { bubbles: true }));
    },
    true,
  );

  const set = (element, name, value) => {
    if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  // What page.css asks of the page as a whole. By `:has()` of it, a browser would look through all
  // cards of the gallery whenever one of them is filled.
  captioner.tellState = () => {
    const [main, one] = [document.querySelector("main"), document.querySelector("#one")];
    if (!main || !one) return;
    main.classList.toggle("answered", Boolean(one.querySelector("#answer .words")));
    main.classList.toggle("refused", Boolean(one.querySelector("#problem p:not(.choice)")));
    main.classList.toggle("many", one.style.display === "none");
  };

  const mend = () => {
    captioner.tellState();
    for (const tab of document.querySelectorAll("#tabs [role=tab]"))
      set(tab, "tabindex", tab.getAttribute("aria-selected") === "true" ? "0" : "-1");
    // gradio gives each radio button a name of its own, so that the browser knows no group.
    for (const radio of document.querySelectorAll(":is(#language, #compare) input[type=radio]")) {
      set(radio, "name", radio.closest("[id='language'], [id='compare']").id);
      radio.removeAttribute("aria-checked");
    }
    for (const [value, lang] of [["en", "en"], ["zh", "zh"]])
      set(document.querySelector(`#language label:has([value=${value}]) span`), "lang", lang);

    for (const fold of document.querySelectorAll("#how > button, #compare > button")) {
      const content = fold.nextElementSibling;
      if (content) set(fold, "aria-expanded", String(content.style.display !== "none"));
    }

    // A slider is called what its number is called; gradio adds English words of its own.
    for (const input of document.querySelectorAll("#how input[type=range], #how input[type=number]")) {
      const label = input.closest(".block")?.querySelector("[data-testid=block-info]");
      if (label) set(input, "aria-label", label.textContent.trim());
    }
  };

  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      mend();
    });
  };
  const seen = { childList: true, subtree: true, characterData: true, attributes: true };
  seen.attributeFilter = ["style", "aria-selected", "aria-label"];
  new MutationObserver(soon).observe(document, seen);
})();

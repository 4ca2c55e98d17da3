// How the sentence came about, word by word: what else the model might have said, how open its gates
// were, and what if it had said something else. All but the last is in the answer's HTML.
(() => {
  const PACE = 1200; // milliseconds for each word
  const GATES = ["input_gate", "forget_gate", "output_gate"];

  let timer = null;

  const says = () => JSON.parse(document.querySelector("#answer .answer").dataset.says);

  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  const percent = (value) => `${value < 0.0995 ? (100 * value).toPrecision(2) : Math.round(100 * value)}\u00a0%`;

  // A bar as long as the value, which stands beside it.
  const bar = (value) => {
    const element = make("span", "", { class: "bar", "aria-hidden": "true" });
    element.style.setProperty("--share", value);
    return element;
  };

  const other = (words, before, language, said) => {
    const [word, chance] = words;
    const item = document.createElement("li");
    const button = make("button", word || says().the_end, { type: "button" });
    if (word && word !== said) {
      button.dataset.begin = JSON.stringify([...before, word]);
      button.setAttribute("aria-label", `${percent(chance)}. ${says().what_if_word.replace("{}", () => word)}`);
      button.title = says().what_if_word.replace("{}", () => word);
    } else button.disabled = true;
    if (word) button.lang = language;
    button.classList.toggle("said", word === said);
    item.append(button, bar(chance), make("data", percent(chance), { value: chance }));
    return item;
  };

  const gates = (values) => {
    const box = document.createElement("div");
    box.className = "gates";
    box.append(make("p", says().gates, { class: "hint" }));
    const list = document.createElement("ul");
    GATES.forEach((gate, number) => {
      const item = document.createElement("li");
      item.append(make("span", says()[gate]), bar(values[number]), make("data", percent(values[number]), { value: values[number] }));
      list.append(item);
    });
    box.append(list, make("a", says().about_gates, { href: says().cells, target: "_blank" }));
    return box;
  };

  // What stands below the words about the one that was looked at last. It stays when the pointer or
  // the focus leaves the word, or nobody could reach its buttons.
  captioner.tellOf = (article, number) => {
    const box = article?.querySelector(".thought");
    const likely = JSON.parse(article?.dataset.likely ?? "null");
    if (!box || number === null || !likely?.[number] || box.dataset.of === String(number)) return;
    box.dataset.of = number;
    box.replaceChildren();
    const [said, chance, others] = likely[number];
    const before = likely.slice(0, number).map(([word]) => word);
    const language = article.querySelector(".sentence").lang;
    const [first, second] = says().here.split("{}").slice(1);
    const line = make("p", "", { class: "hint" });
    line.append(make("strong", said, { lang: language }), `${first}${percent(chance)}${second}`);
    const list = document.createElement("ol");
    list.append(...others.map((own) => other(own, before, language, said)));
    box.append(line, list);
    const open = JSON.parse(article.dataset.gates ?? "null")?.[number];
    if (open) box.append(gates(open));
  };

  const button = () => captioner.shown.article()?.querySelector(".play");

  const label = (playing) => {
    if (!button()) return;
    button().textContent = playing ? says().pause : says().play;
    button().setAttribute("aria-pressed", String(playing));
  };

  captioner.stopPlaying = () => {
    clearInterval(timer);
    timer = null;
    label(false);
  };

  // From the word that has the focus, or from the first, to the last.
  const play = () => {
    const words = captioner.shown.words();
    let at = Math.max(0, words.indexOf(document.activeElement));
    const show = () => {
      if (at >= words.length) return captioner.stopPlaying();
      captioner.shown.look(at);
      at += 1;
    };
    timer = setInterval(show, PACE);
    label(true);
    show();
  };

  const toggle = () => (timer === null ? play() : captioner.stopPlaying());

  // With the photo and the model that it is meant for.
  const begin = (words) => {
    const key = document.querySelector("#answer .answer").dataset.key;
    captioner.focusNext(words.length ? "#answer .back" : "#answer .words [tabindex='0']");
    captioner.beginWith(words.length ? JSON.stringify({ key, words }) : "");
  };

  document.addEventListener("click", ({ target }) => {
    const pressed = target.closest?.("#answer button");
    if (!pressed) return;
    if (pressed.dataset.begin) begin(JSON.parse(pressed.dataset.begin));
    else if (pressed.matches(".back")) begin([]);
    else if (pressed.matches(".play")) toggle();
  });

  // The tree, which may have a hundred buttons, is one stop for the Tab key; arrow keys go on from there.
  document.addEventListener("keydown", (event) => {
    const tree = event.target.closest?.("#answer .tree");
    if (!tree || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...tree.querySelectorAll("button")];
    const at = all.indexOf(event.target);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined || !all.length) return;
    event.preventDefault();
    all[Math.max(0, Math.min(next, all.length - 1))].focus();
  });

  // Space would press the word, which Enter does as well.
  for (const name of ["keydown", "keyup"])
    document.addEventListener(name, (event) => {
      if (event.key !== " " || !event.target.closest?.("#answer [data-word]")) return;
      event.preventDefault();
      if (name === "keydown" && !event.repeat) toggle();
    });
})();

// A card of the gallery: a photo with its captions to be edited, or with the reason why it has none.
(() => {
  const make = (name, attributes = {}, ...content) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...content);
    return element;
  };
  captioner.make = make;

  const said = (name, attributes, ...values) => make("span", attributes, ...captioner.said(name, ...values));

  const inBoth = (sentences) =>
    Object.entries(sentences).map(([lang, sentence]) => make("span", { class: `in-${lang}`, lang }, sentence));

  // As many dots as the page has words for, see sentences.py.
  const LEVELS = captioner.words.en.sureness.length;

  const sureness = (level) => {
    if (level === null || level === undefined) return [];
    const dots = "●".repeat(level + 1) + "○".repeat(LEVELS - 1 - level);
    const words = Object.entries(captioner.words).map(([lang, own]) =>
      make("span", { class: `in-${lang}`, lang }, own.sureness[level]),
    );
    return [make("span", { class: "dots", "aria-hidden": "true" }, dots), " ", make("span", {}, ...words)];
  };

  const title = (item) => make("span", { class: "name", id: `name-${item.id}` }, item.name);

  // A card that is far from what is seen has its name alone.
  captioner.shell = (item) => make("li", { class: "card", "data-id": item.id }, title(item));

  const picture = (item) => {
    const image = make("img", { class: "picture", alt: "", loading: "lazy", decoding: "async" });
    image.src = item.picture;
    return make(
      "button",
      { type: "button", class: "enlarge", "aria-labelledby": `say-enlarge name-${item.id}` },
      image,
    );
  };

  const caption = (item, own) => {
    const { language } = own.row;
    const name = `sure-${item.id}-${language}`;
    const area = make("textarea", {
      rows: "2", lang: language, "data-language": language,
      "aria-labelledby": `name-${item.id}`, "aria-describedby": name,
    }); // prettier-ignore
    area.value = captioner.textOf(item, own);
    const sure = make("p", { class: "sure", id: name });
    const edited = make("span", { class: "edited" }, said("edited"));
    const box = make("div", { class: "caption", "data-language": language }, area, make("div", { class: "about" }, sure, edited));
    captioner.mark(item, own, box);
    return box;
  };

  // How sure the model is, and whether a person has changed what it wrote.
  captioner.mark = (item, own, box) => {
    const { language } = own.row;
    box.querySelector(".sure").replaceChildren(...sureness(captioner.chosen(item, own).level));
    box.querySelector(".edited").hidden = item.edits[language] === undefined;
    const card = box.closest(".card");
    const back = card?.querySelector(`.original[data-language="${language}"]`);
    if (back) back.hidden = item.edits[language] === undefined;
  };

  // A correction that was taken out can be had back.
  captioner.markTools = (item) => (item.card.querySelector(".mine").hidden = !item.dropped);

  const choices = (item) => {
    const buttons = item.captions.flatMap((own) =>
      [own.row, ...own.alternatives].map(({ caption: text }, n) =>
        make("button", { type: "button", class: "pick", lang: own.row.language, "data-n": n }, text),
      ),
    );
    const summary = make("summary", {}, said("other_sentences"));
    return make("details", { class: "others" }, summary, ...buttons);
  };

  const tools = (item) => {
    const list = [];
    if (item.source) list.push(make("button", { type: "button", class: "anew" }, said("anew")));
    for (const own of item.captions ?? []) {
      const back = make("button", { type: "button", class: "original", "data-language": own.row.language }, said("original"));
      back.hidden = item.edits[own.row.language] === undefined;
      list.push(back);
    }
    const mine = make("button", { type: "button", class: "mine" }, said("mine"));
    mine.hidden = !item.dropped;
    list.push(mine);
    return make("div", { class: "tools" }, ...list);
  };

  captioner.fillCard = (card, item) => {
    const name = title(item);
    if (!item.captions) {
      const reason = make("p", { class: "reason" }, ...inBoth(item.error));
      card.replaceChildren(make("span", { class: "picture" }), make("div", {}, name, reason, tools(item)));
      return;
    }
    const boxes = item.captions.map((own) => caption(item, own));
    const others = item.captions.some((own) => own.alternatives.length) ? [choices(item)] : [];
    card.replaceChildren(picture(item), make("div", {}, name, ...boxes, ...others, tools(item)));
  };
})();

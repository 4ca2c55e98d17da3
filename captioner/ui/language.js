// The language of the page: the one that was chosen here before, or else the browser's.
(() => {
  const KEY = "captioner-language";

  // storage: the name of localStorage, or of sessionStorage, of this tab alone; a browser that lets pages keep
  // nothing says so by an exception, even where it is only named.
  captioner.remembered = (storage, key) => {
    try {
      return window[storage].getItem(key);
    } catch {
      return null;
    }
  };

  captioner.remember = (storage, key, value) => {
    try {
      window[storage].setItem(key, value);
    } catch {
      // Then the next visit begins as the first one did.
    }
  };

  captioner.language = () =>
    captioner.remembered("localStorage", KEY) ??
    (/^zh/i.test(navigator.languages?.[0] ?? navigator.language) ? "zh" : "en");

  // Once more when the page is there, because gradio has set the browser's by then.
  const greet = () => (document.documentElement.lang = captioner.language());
  greet();

  captioner.begin = () => {
    captioner.returnToTab();
    return greet();
  };

  // One of the page's sentences with its values, in both languages, of which the page shows its own.
  captioner.said = (name, ...values) =>
    Object.entries(captioner.inAll(name, ...values)).map(([code, sentence]) => {
      const span = document.createElement("span");
      span.className = `in-${code}`;
      span.lang = code;
      span.textContent = sentence;
      return span;
    });

  captioner.inAll = (name, ...values) =>
    Object.fromEntries(
      Object.entries(captioner.words).map(([code, words]) => [code, captioner.filled(words[name], values)]),
    );

  captioner.filled = (template, values) => {
    const left = [...values];
    return template.replace(/\{\}/g, () => left.shift());
  };

  // The same in the page's language alone, for what is not shown but read out.
  captioner.word = (name, ...values) => captioner.inAll(name, ...values)[captioner.language()];

  captioner.announce = (sentence) => {
    let box = document.querySelector("#announcer");
    if (!box) {
      box = document.createElement("div");
      box.id = "announcer";
      box.setAttribute("role", "status");
      document.body.append(box);
    }
    box.textContent = sentence;
  };

  captioner.speak = (language) => {
    captioner.remember("localStorage", KEY, language);
    greet();
  };
})();

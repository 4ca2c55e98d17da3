// The language of the page: the one that was chosen here before, or else the browser's.
(() => {
  const KEY = "captioner-language";

  // A browser that lets pages keep nothing says so by an exception.
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };

  const remember = (language) => {
    try {
      localStorage.setItem(KEY, language);
    } catch {
      // Then the next visit begins in the browser's language.
    }
  };

  captioner.language = () =>
    remembered() ?? (/^zh/i.test(navigator.languages?.[0] ?? navigator.language) ? "zh" : "en");

  // Once more when the page is there, because gradio has set the browser's by then.
  captioner.greet = () => (document.documentElement.lang = captioner.language());
  captioner.greet();

  captioner.speak = (language) => {
    remember(language);
    document.documentElement.lang = language;
  };
})();

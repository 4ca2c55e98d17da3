// What is chosen on the page, as gradio tells it: at the page's start, and whenever it changes.
(() => {
  const listeners = [];
  let chosen = null; // whether both languages are wanted, and the values of the fields as the server takes them
  let begin = null;
  const begun = new Promise((resolve) => (begin = resolve));

  captioner.choose = (both, ...fields) => {
    const isChange = chosen !== null;
    chosen = { both, fields };
    begin();
    if (isChange) for (const tell of listeners) tell();
    return [];
  };

  captioner.choices = async () => {
    await begun;
    return chosen;
  };

  captioner.whenChosen = (tell) => listeners.push(tell);
})();

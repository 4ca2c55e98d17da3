// One photo side by side: what is compared, as often as something else is chosen there.
(() => {
  let box = null;
  let server = null;
  let wanted = null;

  const put = async () => {
    if (!wanted) return { table: "" };
    const { fields } = await captioner.choices();
    return captioner.aboutPhoto((photo) => server.compared([wanted, photo, fields]));
  };

  const ask = captioner.newest(put, ({ table }) => (box.innerHTML = table ?? ""), () => box);

  captioner.openComparison = (element, asked) => {
    box = element.querySelector(".contents");
    server = asked;
    if (wanted) ask(); // chosen as soon as it was unfolded
  };

  // what: nothing, where what stands there is about another photo or in another language.
  captioner.compare = (what) => {
    wanted = what;
    if (box) ask();
    return [null];
  };
})();

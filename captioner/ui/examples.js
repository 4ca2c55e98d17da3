// The example pictures: a chosen one is given to the page as if it had been dropped there.
document.addEventListener("click", async ({ target }) => {
  const name = target.closest?.("[data-example]")?.dataset.example;
  if (!name) return;
  const answer = await fetch(`./examples/${name}`);
  captioner.give([new File([await answer.blob()], name, { type: "image/jpeg" })]);
});

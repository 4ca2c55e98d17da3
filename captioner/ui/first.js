// Runs before all of gradio. It counts, in each frame, the seconds that the page takes to load, and goes
// on when the page is there (6.31): of a page at rest the browser would draw sixty pictures a second for
// ever, beside whatever else the computer does. Nothing on this page shows such seconds.
(() => {
  const COUNTS = /performance\.now\(\)\s*-/;
  const next = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (act) => (COUNTS.test(String(act)) ? 0 : next(act));
})();

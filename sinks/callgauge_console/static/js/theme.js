// Sets the theme before anything is drawn: what was chosen here before, else what the system has.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("callgauge.theme"); } catch { /* no storage: the system's theme */ }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen === "dark" || chosen === "light" ? chosen : dark ? "dark" : "light";
})();

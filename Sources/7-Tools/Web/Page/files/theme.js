// Sets the colours before anything is drawn: the person's choice, else the system's. Not a module, so that it runs first.
(() => {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const chosen = () => {
    try { return localStorage.getItem('candlewick.theme'); } catch { return null; }
  };
  const apply = () => {
    root.dataset.theme = chosen() ?? (system.matches ? 'dark' : 'light');
    dispatchEvent(new CustomEvent('candlewick-theme'));
  };
  system.addEventListener('change', apply);
  window.toggleTheme = () => {
    const next = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('candlewick.theme', next); } catch { /* A private window forgets it. */ }
    root.dataset.theme = next;
    dispatchEvent(new CustomEvent('candlewick-theme'));
  };
  apply();
})();

// Before the first paint: ?scheme=light|dark wins, then the remembered choice, then the system.
(function () {
  var dark = matchMedia('(prefers-color-scheme: dark)');
  var chosen = new URLSearchParams(location.search).get('scheme');
  try {
    chosen = chosen || localStorage.getItem('scheme');
  } catch (e) {
    // Storage may be closed to this page; the system's scheme will do.
  }
  function show() {
    document.documentElement.dataset.scheme = chosen || (dark.matches ? 'dark' : 'light');
    dispatchEvent(new Event('scheme'));
  }
  if (chosen !== 'light' && chosen !== 'dark') chosen = null;
  dark.addEventListener('change', show);
  addEventListener('scheme-chosen', function (e) {
    chosen = e.detail;
    try {
      localStorage.setItem('scheme', chosen);
    } catch (x) {
      // The choice then lasts as long as the page.
    }
    show();
  });
  show();
})();

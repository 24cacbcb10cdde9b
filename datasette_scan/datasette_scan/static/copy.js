// Buttons that copy a path. They show only where they work.
(function () {
  "use strict";
  if (window.scanCopies) { return; }
  window.scanCopies = true;
  if (!document.documentElement.lang) { document.documentElement.lang = "en"; } // Datasette 0.65
  function show(root) {
    root.querySelectorAll("[data-copy-text][hidden]").forEach(function (button) {
      button.hidden = false;
    });
  }
  function select(element) {
    var range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy-text]");
    if (!button) { return; }
    var text = button.dataset.copyText;
    var words = button.textContent;
    function copied() {
      button.textContent = "Copied";
      setTimeout(function () { button.textContent = words; }, 1500);
    }
    function refused() {
      document.querySelectorAll(".scan code").forEach(function (code) {
        if (code.textContent === text) { select(code); }
      });
      button.textContent = "Press Ctrl C";
      setTimeout(function () { button.textContent = words; }, 3000);
    }
    button.setAttribute("aria-live", "polite");
    if (navigator.clipboard) { navigator.clipboard.writeText(text).then(copied, refused); } else { refused(); }
  });
  show(document);
  document.addEventListener("scan-shown", function () { show(document); });
})();

// Buttons that copy a path. They are hidden without this script.
(function () {
  "use strict";
  if (window.scanCopies) { return; }
  window.scanCopies = true;
  if (!document.documentElement.lang) { document.documentElement.lang = "en"; } // Datasette 0.65
  function showButtons(root) {
    root.querySelectorAll("[data-copy-text][hidden]").forEach(function (button) {
      button.hidden = false;
    });
  }
  function selectContents(element) {
    var range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy-text]");
    if (!button) { return; }
    var text = button.dataset.copyText;
    var label = button.dataset.label = button.dataset.label || button.textContent;
    function copied() {
      button.textContent = "Copied";
      setTimeout(function () { button.textContent = label; }, 1500);
    }
    function selectPath() {
      document.querySelectorAll(".scan code").forEach(function (code) {
        if (code.textContent === text) { selectContents(code); }
      });
      button.textContent = "Press Ctrl C";
      setTimeout(function () { button.textContent = label; }, 3000);
    }
    button.setAttribute("aria-live", "polite");
    if (navigator.clipboard) { navigator.clipboard.writeText(text).then(copied, selectPath); } else { selectPath(); }
  });
  showButtons(document);
  document.addEventListener("scan-shown", function () { showButtons(document); });
})();

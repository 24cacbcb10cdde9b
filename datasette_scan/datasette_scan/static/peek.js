// Opens a preview below a row of the catalogue. Without this file the same link opens a page.
(function () {
  "use strict";
  var openUrls = new Map(); // name → the URL of its preview, the last opened at the end
  var count = 0;

  function toggles() { return document.querySelectorAll("a.scan-expand[data-peek]"); }
  function toggleFor(name) {
    return Array.prototype.find.call(toggles(), function (a) { return a.dataset.peek === name; });
  }
  function panelOf(toggle) { return document.getElementById(toggle.getAttribute("aria-controls") || ""); }

  function setUrl(name, url) {
    openUrls.delete(name);
    openUrls.set(name, url);
  }

  // The address names the preview that was opened last, of those in the list.
  function updateAddress() {
    if (!window.history.replaceState) { return; }
    var here = new URL(location.href);
    here.searchParams.delete("peek");
    here.searchParams.delete("table");
    var name = Array.from(openUrls.keys()).filter(toggleFor).pop();
    if (name !== undefined) {
      here.searchParams.set("peek", name);
      var table = new URL(openUrls.get(name), location.href).searchParams.get("table");
      if (table) { here.searchParams.set("table", table); }
    }
    history.replaceState(history.state, "", here);
  }

  function open(toggle, url) {
    var row = toggle.closest("tr");
    var name = toggle.dataset.peek;
    var panel = panelOf(toggle);
    if (!panel) {
      panel = document.createElement("tr");
      panel.className = "scan-peek-row";
      panel.id = "scan-peek-" + (count += 1);
      var cell = document.createElement("td");
      cell.colSpan = row.cells.length;
      panel.appendChild(cell);
      row.parentNode.insertBefore(panel, row.nextSibling);
      toggle.setAttribute("aria-controls", panel.id);
    }
    toggle.setAttribute("aria-expanded", "true");
    if (openUrls.get(name) !== url) { setUrl(name, url); }
    load(toggle, panel, url);
  }

  function load(toggle, panel, url) {
    var content = panel.firstElementChild;
    function isLatest() { return openUrls.get(toggle.dataset.peek) === url; }
    function replaceContent(html) {
      if (!isLatest()) { return; }
      var hadFocus = content.contains(document.activeElement);
      content.innerHTML = html;
      if (hadFocus) { toggle.focus(); }
    }
    var messageTimer = setTimeout(function () {
      replaceContent('<p class="scan-waiting" role="status">Loading …</p>');
    }, 150);
    fetch(url + "&_fragment=1", { credentials: "same-origin" })
      .then(function (response) {
        if (!response.ok) { throw new Error("HTTP status " + response.status); }
        return response.text();
      })
      .then(replaceContent)
      .catch(function (error) {
        if (!isLatest()) { return; }
        replaceContent("");
        content.textContent = "The preview failed (" + error.message + "). ";
        var retry = document.createElement("a");
        retry.href = url;
        retry.className = "scan-preview-link";
        retry.textContent = "Try again";
        content.appendChild(retry);
      })
      .then(function () {
        clearTimeout(messageTimer);
        if (!isLatest()) { return; }
        document.dispatchEvent(new CustomEvent("scan-shown"));
        var table = panel.dataset.focus;
        delete panel.dataset.focus;
        if (table === undefined) { return; }
        Array.prototype.forEach.call(panel.querySelectorAll("a[data-table]"), function (link) {
          if (link.dataset.table === table) { link.focus(); }
        });
      });
  }

  function close(toggle) {
    var panel = panelOf(toggle);
    if (panel) { panel.remove(); }
    toggle.removeAttribute("aria-controls");
    toggle.setAttribute("aria-expanded", "false");
    openUrls.delete(toggle.dataset.peek);
  }

  function isPlainClick(event) {
    return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  }

  document.addEventListener("click", function (event) {
    var toggle = event.target.closest("a.scan-expand[data-peek]");
    var link = event.target.closest(".scan-peek-row a.scan-preview-link");
    if (!(toggle || link) || !isPlainClick(event)) { return; }
    event.preventDefault();
    if (link) {
      var panel = link.closest(".scan-peek-row");
      toggle = Array.prototype.find.call(toggles(), function (a) { return panelOf(a) === panel; });
      if (link.dataset.table) { panel.dataset.focus = link.dataset.table; }
      setUrl(toggle.dataset.peek, link.href);
      updateAddress();
      load(toggle, panel, link.href);
    } else if (toggle.getAttribute("aria-expanded") === "true") {
      close(toggle);
      updateAddress();
    } else {
      open(toggle, toggle.href);
      updateAddress();
    }
  });

  // → on a database opens its row, ← closes it.
  document.addEventListener("keydown", function (event) {
    var row = event.target.closest(".scan-row");
    var toggle = row && row.querySelector("a.scan-expand[data-peek]");
    if (!toggle || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) { return; }
    var isOpen = toggle.getAttribute("aria-expanded") === "true";
    if (event.key === "ArrowRight" && !isOpen || event.key === "ArrowLeft" && isOpen) {
      event.preventDefault();
      toggle.click();
    }
  });

  document.addEventListener("keydown", function (event) {
    var panel = event.key === "Escape" && event.target.closest(".scan-peek-row");
    if (!panel) { return; }
    var toggle = Array.prototype.find.call(toggles(), function (a) { return panelOf(a) === panel; });
    event.stopPropagation();
    close(toggle);
    updateAddress();
    toggle.focus();
  }, true);

  // Set the state of every link, and open the panels again after the list was replaced.
  function restorePanels() {
    toggles().forEach(function (toggle) {
      if (!toggle.hasAttribute("aria-expanded")) { toggle.setAttribute("aria-expanded", "false"); }
      var url = openUrls.get(toggle.dataset.peek);
      if (url && !panelOf(toggle)) { open(toggle, url); }
    });
  }

  var params = new URL(location.href).searchParams;
  restorePanels();
  var first = params.get("peek") && toggleFor(params.get("peek"));
  if (first) {
    var table = params.get("table");
    open(first, first.href + (table ? "&table=" + encodeURIComponent(table) : ""));
  }
  var list = document.getElementById("scan-results");
  document.addEventListener("scan-filtered", updateAddress);
  if (list) { new MutationObserver(restorePanels).observe(list, { childList: true, subtree: true }); }
})();

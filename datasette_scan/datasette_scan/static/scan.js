// Live progress and rows while a scan runs. Without it the page reloads itself.
(function () {
  "use strict";
  var root = document.getElementById("scan");
  if (!root) { return; }
  var revision = root.dataset.revision;
  var scanning = root.dataset.scanning === "1";
  var timer = null;

  function ids(page) {
    ["scan-progress", "scan-skipped-count"].forEach(function (id) {
      var mine = document.getElementById(id);
      var theirs = page.getElementById(id);
      if (mine && theirs && mine.innerHTML !== theirs.innerHTML) { mine.innerHTML = theirs.innerHTML; }
    });
  }

  function results(page) {
    var mine = document.getElementById("scan-results");
    var theirs = page.getElementById("scan-results");
    if (!mine || !theirs || mine.contains(document.activeElement) && document.activeElement !== document.body) { return false; }
    var scroll = mine.querySelector(".scan-scroll");
    var left = scroll ? scroll.scrollLeft : 0;
    mine.innerHTML = theirs.innerHTML;
    scroll = mine.querySelector(".scan-scroll");
    if (scroll) { scroll.scrollLeft = left; }
    return true;
  }

  function choices(page) {
    document.querySelectorAll(".scan-filters select").forEach(function (mine) {
      var theirs = page.querySelector('.scan-filters select[name="' + mine.name + '"]');
      if (!theirs || mine === document.activeElement) { return; }
      var value = mine.value;
      mine.innerHTML = theirs.innerHTML;
      mine.value = value;
    });
  }

  function show(text) {
    var page = new DOMParser().parseFromString(text, "text/html");
    ids(page);
    choices(page);
    var button = document.querySelector(".scan-rescan button");
    if (button) { button.disabled = scanning; }
    document.title = page.title;
    return results(page);
  }

  function look() {
    fetch(root.dataset.json + "?_size=0", { credentials: "same-origin" })
      .then(function (answer) { return answer.json(); })
      .then(function (now) {
        var was = scanning;
        scanning = now.scanning;
        if (String(now.revision) === revision && was === scanning && !scanning) { return null; }
        return fetch(location.href, { credentials: "same-origin" })
          .then(function (answer) { return answer.text(); })
          .then(function (text) { if (show(text)) { revision = String(now.revision); } });
      })
      .catch(function () { return null; })
      .then(function () { again(); });
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(look, document.hidden ? 15000 : scanning ? 700 : 3000);
  }

  document.addEventListener("change", function (event) {
    if (event.target.matches(".scan-filters select")) { event.target.form.requestSubmit(); }
  });
  document.addEventListener("submit", function (event) {
    if (!event.target.matches(".scan-rescan")) { return; }
    event.preventDefault();
    var button = event.target.querySelector("button");
    button.disabled = true;
    fetch(event.target.action, {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(event.target))
    }).then(function (answer) {
      if (!answer.ok) { event.target.submit(); return; }
      scanning = true;
      clearTimeout(timer);
      timer = setTimeout(look, 150);
    }).catch(function () { event.target.submit(); });
  });
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { look(); } });
  again();
})();

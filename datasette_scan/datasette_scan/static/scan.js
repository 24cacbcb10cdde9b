// The list without page loads: typing narrows it, a scan fills it, keys move in it.
// Without this file the same links and forms work, each with a page load.
(function () {
  "use strict";
  var scan = document.getElementById("scan");
  if (!scan) { return; }
  var field = scan.querySelector(".scan-search input");
  var live = document.getElementById("scan-live");
  var revision = scan.dataset.revision;
  var scanning = scan.dataset.scanning === "1";
  var timer = null;
  var typing = null;
  var loading = null;
  var spoken = 0;
  if (!document.documentElement.lang) { document.documentElement.lang = "en"; }

  // -- What a screen reader says, at most every five seconds while a scan runs

  function say(text, always) {
    var now = Date.now();
    if (!always && now - spoken < 5000) { return; }
    spoken = now;
    live.textContent = text;
  }

  // -- Groups that were closed stay closed

  var STORE = "datasette-scan-closed";

  function closedGroups() {
    try { return JSON.parse(localStorage.getItem(STORE)) || []; } catch (error) { return []; }
  }

  function remember(key, open) {
    var closed = closedGroups().filter(function (other) { return other !== key; });
    if (!open) { closed.push(key); }
    try { localStorage.setItem(STORE, JSON.stringify(closed.slice(-500))); } catch (error) { return; }
  }

  function showGroup(group, open) {
    group.querySelector(".scan-group-row .scan-turn").setAttribute("aria-expanded", String(open));
    group.classList.toggle("scan-closed", !open);
  }

  function groups() { return Array.from(scan.querySelectorAll(".scan-group")).filter(turnOf); }
  function turnOf(group) { return group.querySelector(".scan-group-row .scan-turn"); }

  function allClosed() {
    return groups().every(function (group) { return group.classList.contains("scan-closed"); });
  }

  function nameCloseAll() {
    var button = scan.querySelector("[data-close-all]");
    if (!button) { return; }
    button.parentNode.hidden = groups().length < 2;
    button.textContent = allClosed() ? "Open all" : "Close all";
  }

  function prepare() {
    var closed = closedGroups();
    groups().forEach(function (group) {
      turnOf(group).hidden = false;
      showGroup(group, closed.indexOf(group.dataset.group) < 0);
    });
    nameCloseAll();
  }

  // -- Parts of the page, taken from a newer one

  function take(page, id) {
    var mine = document.getElementById(id);
    var theirs = page.getElementById(id);
    if (mine && theirs && mine.innerHTML !== theirs.innerHTML) { mine.innerHTML = theirs.innerHTML; }
  }

  function inUse(part) {
    return part.matches(":hover") || part.contains(document.activeElement);
  }

  function takeRail(page) {
    var rail = document.getElementById("scan-rail");
    if (inUse(rail)) { return; }
    var open = Array.from(rail.querySelectorAll("details")).map(function (part) { return [part.querySelector("summary").textContent, part.open]; });
    take(page, "scan-rail");
    rail.querySelectorAll("details").forEach(function (part) {
      open.forEach(function (was) { if (was[0] === part.querySelector("summary").textContent) { part.open = was[1]; } });
    });
  }

  function show(page, always) {
    take(page, "scan-progress");
    document.title = page.title;
    var button = scan.querySelector(".scan-rescan button");
    if (button) { button.disabled = scanning; }
    var results = document.getElementById("scan-results");
    if (!always && inUse(results) && results.querySelector(".scan-row")) { offer(results); return false; }
    takeRail(page);
    take(page, "scan-results");
    prepare();
    return true;
  }

  // Rows don't move under the hand: while somebody is in the list, newer ones are offered.
  function offer(results) {
    if (results.querySelector(".scan-newer")) { return; }
    var button = document.createElement("button");
    button.type = "button";
    button.className = "scan-button scan-small scan-newer";
    button.textContent = "The list has changed: show it";
    results.prepend(button);
  }

  function load(url, always) {
    if (loading) { loading.abort(); }
    loading = new AbortController();
    return fetch(url, { credentials: "same-origin", signal: loading.signal })
      .then(function (answer) { return answer.text(); })
      .then(function (text) {
        var page = new DOMParser().parseFromString(text, "text/html");
        var newer = page.getElementById("scan");
        if (!newer) { location.assign(url); return; }
        if (show(page, always)) { revision = newer.dataset.revision; }
      });
  }

  // -- Typing

  function narrow() {
    var url = new URL(location.href);
    url.searchParams.delete("_next");
    url.searchParams.delete("peek");
    if (field.value) { url.searchParams.set("q", field.value); } else { url.searchParams.delete("q"); }
    load(url, true).then(function () {
      history.replaceState(null, "", url);
      var count = document.getElementById("scan-count");
      say(count ? count.querySelector("strong").textContent : "No database matches", true);
    }).catch(function () { return null; });
  }

  field.addEventListener("input", function () {
    clearTimeout(typing);
    typing = setTimeout(narrow, 80);
  });

  // -- Progress

  function look() {
    fetch(scan.dataset.json + "?_size=0", { credentials: "same-origin" })
      .then(function (answer) { return answer.json(); })
      .then(function (now) {
        var was = scanning;
        scanning = now.scanning;
        if (scanning) { say(now.files + " files seen, " + now.databases + " databases"); }
        if (was && !scanning) { say("The scan is complete: " + now.databases + " databases", true); }
        if (String(now.revision) === revision && was === scanning && !scanning) { return null; }
        return load(location.href, false);
      })
      .catch(function () { return null; })
      .then(again);
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(look, document.hidden ? 15000 : scanning ? 700 : 3000);
  }

  document.addEventListener("visibilitychange", function () { if (!document.hidden) { look(); } });
  scan.addEventListener("submit", function (event) {
    if (!event.target.matches(".scan-rescan")) { return; }
    event.preventDefault();
    event.target.querySelector("button").disabled = true;
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

  // -- Copying

  function copy(text, button) {
    function done() {
      say("Copied " + text, true);
      if (!button) { return; }
      var words = button.lastChild.textContent;
      button.lastChild.textContent = "Copied";
      setTimeout(function () { button.lastChild.textContent = words; }, 1500);
    }
    if (!navigator.clipboard) { byHand(text); return; }
    navigator.clipboard.writeText(text).then(done, function () { byHand(text); });
  }

  // The clipboard is refused, as on pages without TLS from elsewhere: the path to copy by hand.
  function byHand(text) { window.prompt("Copy the path:", text); }

  // -- Mouse and keys

  scan.addEventListener("click", function (event) {
    var turn = event.target.closest(".scan-group-row .scan-turn");
    var button = event.target.closest("[data-copy]");
    if (button) { copy(button.dataset.copy, button); }
    if (event.target.closest(".scan-newer")) { load(location.href, true).catch(function () { return null; }); }
    if (event.target.closest("[data-close-all]")) {
      var open = allClosed();
      groups().forEach(function (group) { showGroup(group, open); remember(group.dataset.group, open); });
      nameCloseAll();
    }
    if (turn) {
      var group = turn.closest(".scan-group");
      var opened = turn.getAttribute("aria-expanded") !== "true";
      showGroup(group, opened);
      remember(group.dataset.group, opened);
      nameCloseAll();
    }
  });

  function names() {
    return Array.from(scan.querySelectorAll("a.scan-open")).filter(function (name) { return name.offsetParent; });
  }

  scan.addEventListener("keydown", function (event) {
    if (event.altKey || event.shiftKey) { return; }
    var held = event.ctrlKey || event.metaKey;
    var row = event.target.closest(".scan-row");
    var all = names();
    var at = row ? all.indexOf(row.querySelector(".scan-open")) : -1;
    var to = null;
    if (held) {
      if (row && row.dataset.path && event.key.toLowerCase() === "c" && !String(getSelection())) { copy(row.dataset.path); }
      return;
    }
    if (event.target === field && event.key === "ArrowDown") { to = all[0]; }
    if (row) {
      if (event.key === "ArrowDown") { to = all[at + 1]; }
      if (event.key === "ArrowUp") { to = all[at - 1] || field; }
      if (event.key === "Home") { to = all[0]; }
      if (event.key === "End") { to = all[all.length - 1]; }
      if (event.key === "Escape") { to = field; }
    }
    if (to) { event.preventDefault(); to.focus(); }
  });

  // On a narrow screen folders and sizes begin closed, and what is chosen is in sight.
  if (matchMedia("(max-width: 60rem)").matches) {
    scan.querySelectorAll(".scan-rail details").forEach(function (part) { part.open = false; });
  }
  scan.querySelectorAll(".scan-rail [aria-current]").forEach(function (link) {
    var strip = link.closest("ul");
    strip.scrollLeft = link.offsetLeft - strip.offsetLeft - 16;
  });
  scan.querySelectorAll(".scan-keys").forEach(function (keys) { keys.hidden = false; });
  prepare();
  again();
})();

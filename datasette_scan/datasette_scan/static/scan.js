// Updates the list of databases without page loads: filters while you type, shows a scan's
// progress, adds keyboard shortcuts. Without it the same links and forms load pages.
(function () {
  "use strict";
  var scan = document.getElementById("scan");
  if (!scan) { return; }
  var searchInput = scan.querySelector(".scan-search input");
  var liveRegion = document.getElementById("scan-live");
  var revision = scan.dataset.revision;
  var scanning = scan.dataset.scanning === "1";
  var pollTimer = null;
  var lastPoll = 0; // the answers of earlier ones are out of date
  var inputTimer = null;
  var pendingLoad = null; // aborts the request for a newer page
  var isRequested = false; // whether a person asked for it, not a poll
  var announcedAt = 0;

  // -- Announcements to screen readers, at most every five seconds while a scan runs

  function announce(text, always) {
    var now = Date.now();
    if (!always && now - announcedAt < 5000) { return; }
    announcedAt = now;
    liveRegion.textContent = text;
  }

  // -- Closed groups, remembered in this browser

  var STORAGE_KEY = "datasette-scan-closed";

  function closedGroups() {
    try { return JSON.parse(localStorage.getItem(STORAGE_KEY)) || []; } catch (error) { return []; }
  }

  function saveClosed(key, open) {
    var closed = closedGroups().filter(function (other) { return other !== key; });
    if (!open) { closed.push(key); }
    try { localStorage.setItem(STORAGE_KEY, JSON.stringify(closed.slice(-500))); } catch (error) { return; }
  }

  function setGroupOpen(group, open) {
    group.querySelector(".scan-group-row .scan-expand").setAttribute("aria-expanded", String(open));
    group.classList.toggle("scan-closed", !open);
  }

  function groups() { return Array.from(scan.querySelectorAll(".scan-group")).filter(groupToggle); }
  function groupToggle(group) { return group.querySelector(".scan-group-row .scan-expand"); }

  function allClosed() {
    return groups().every(function (group) { return group.classList.contains("scan-closed"); });
  }

  function updateCloseAllButton() {
    var button = scan.querySelector("[data-close-all]");
    if (!button) { return; }
    button.parentNode.hidden = groups().length < 2;
    button.textContent = allClosed() ? "Open all" : "Close all";
  }

  function restoreGroups() {
    var closed = closedGroups();
    groups().forEach(function (group) {
      groupToggle(group).hidden = false;
      setGroupOpen(group, closed.indexOf(group.dataset.group) < 0);
    });
    updateCloseAllButton();
  }

  // -- Replacing parts of the page by those of a newer one

  function replacePart(page, id) {
    var mine = document.getElementById(id);
    var theirs = page.getElementById(id);
    if (mine && theirs && mine.innerHTML !== theirs.innerHTML) { mine.innerHTML = theirs.innerHTML; }
  }

  function labelOf(element) {
    return element.dataset.name || element.getAttribute("aria-label") || (element.querySelector("span") || element).textContent;
  }

  // Focus what has the label of what had the focus before its part was replaced, else the first row.
  function restoreFocus(part, label) {
    var same = Array.from(part.querySelectorAll("a, button, summary")).filter(function (element) {
      return element.offsetParent && labelOf(element) === label;
    });
    (same[0] || visibleLinks()[0] || searchInput).focus();
  }

  function isInUse(part) {
    return part.matches(":hover") || part.contains(document.activeElement);
  }

  function replaceSidebar(page) {
    var sidebar = document.getElementById("scan-sidebar");
    var wasOpen = {};
    function titleOf(details) { return details.querySelector("summary").textContent; }
    sidebar.querySelectorAll("details").forEach(function (details) { wasOpen[titleOf(details)] = details.open; });
    replacePart(page, "scan-sidebar");
    sidebar.querySelectorAll("details").forEach(function (details) {
      if (titleOf(details) in wasOpen) { details.open = wasOpen[titleOf(details)]; }
    });
  }

  function showPage(page, always) {
    var focused = document.activeElement;
    var part = focused.closest("#scan-sidebar, #scan-results");
    var label = part && labelOf(focused);
    replacePart(page, "scan-progress");
    replacePart(page, "scan-error");
    document.title = page.title;
    var button = scan.querySelector(".scan-rescan button");
    if (button) { button.disabled = scanning; }
    var results = document.getElementById("scan-results");
    if (!always && isInUse(results) && results.querySelector(".scan-row")) { offerUpdate(results); return false; }
    if (always || !isInUse(document.getElementById("scan-sidebar"))) { replaceSidebar(page); }
    replacePart(page, "scan-formats");
    replacePart(page, "scan-results");
    restoreGroups();
    if (part && !part.contains(document.activeElement)) { restoreFocus(part, label); }
    return true;
  }

  // While the pointer or the focus is in the list, it is not replaced: a button offers that.
  function offerUpdate(results) {
    if (results.querySelector(".scan-newer")) { return; }
    var button = document.createElement("button");
    button.type = "button";
    button.className = "scan-button scan-small scan-newer";
    button.textContent = "The list has changed: show it";
    results.prepend(button);
  }

  // A poll does not replace a request that a person made (always): it comes again later.
  function load(url, always) {
    if (isRequested && !always) { return Promise.resolve(); }
    if (pendingLoad) { pendingLoad.abort(); }
    var thisLoad = pendingLoad = new AbortController();
    isRequested = always;
    return fetch(url, { credentials: "same-origin", signal: thisLoad.signal })
      .then(function (response) { return response.text(); })
      .then(function (text) {
        var page = new DOMParser().parseFromString(text, "text/html");
        var newer = page.getElementById("scan");
        if (!newer) { location.assign(url); return; }
        if (showPage(page, always)) { revision = newer.dataset.revision; }
      })
      .finally(function () { if (pendingLoad === thisLoad) { isRequested = false; } });
  }

  // -- Typing

  function applyFilter() {
    var url = new URL(location.href);
    ["_next", "peek", "table", "tab"].forEach(function (key) { url.searchParams.delete(key); });
    if (searchInput.value) { url.searchParams.set("q", searchInput.value); } else { url.searchParams.delete("q"); }
    load(url, true).then(function () {
      history.replaceState(null, "", url);
      document.dispatchEvent(new CustomEvent("scan-filtered"));
      var count = document.getElementById("scan-count");
      announce(count ? count.querySelector("strong").textContent : "No database matches", true);
    }).catch(function () { return null; });
  }

  searchInput.addEventListener("input", function () {
    clearTimeout(inputTimer);
    inputTimer = setTimeout(applyFilter, 80);
  });

  // -- Progress

  function poll() {
    var thisPoll = lastPoll += 1;
    fetch(scan.dataset.json + "?_size=0", { credentials: "same-origin" })
      .then(function (response) { return response.json(); })
      .then(function (state) {
        if (thisPoll !== lastPoll) { return null; }
        var wasScanning = scanning;
        scanning = state.scanning;
        if (scanning) { announce(state.files + " files seen, " + state.databases + " databases"); }
        if (wasScanning && !scanning) {
          announce(state.error ? "The scan failed: " + state.error : "The scan is complete: " + state.databases + " databases", true);
        }
        if (String(state.revision) === revision && !wasScanning && !scanning) { return null; }
        return load(location.href, false);
      })
      .catch(function () { return null; })
      .then(function () { if (thisPoll === lastPoll) { schedulePoll(); } });
  }

  function schedulePoll() {
    clearTimeout(pollTimer);
    pollTimer = setTimeout(poll, document.hidden ? 15000 : scanning ? 700 : 3000);
  }

  document.addEventListener("visibilitychange", function () { if (!document.hidden) { poll(); } });
  scan.addEventListener("submit", function (event) {
    if (!event.target.matches(".scan-rescan")) { return; }
    event.preventDefault();
    event.target.querySelector("button").disabled = true;
    fetch(event.target.action, {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(event.target))
    }).then(function (response) {
      if (!response.ok) { event.target.submit(); return; }
      scanning = true;
      lastPoll += 1;
      clearTimeout(pollTimer);
      pollTimer = setTimeout(poll, 150);
    }).catch(function () { event.target.submit(); });
  });

  // -- Copying

  function copy(text) {
    // Browsers have no clipboard on pages from other machines without TLS.
    function promptToCopy() { window.prompt("Copy the path:", text); }
    if (!navigator.clipboard) { promptToCopy(); return; }
    navigator.clipboard.writeText(text).then(function () { announce("Copied " + text, true); }, promptToCopy);
  }

  // -- Mouse and keys

  scan.addEventListener("click", function (event) {
    var toggle = event.target.closest(".scan-group-row .scan-expand");
    if (event.target.closest(".scan-newer")) { load(location.href, true).catch(function () { return null; }); }
    if (event.target.closest("[data-close-all]")) {
      var open = allClosed();
      groups().forEach(function (group) { setGroupOpen(group, open); saveClosed(group.dataset.group, open); });
      updateCloseAllButton();
    }
    if (toggle) {
      var group = toggle.closest(".scan-group");
      var opened = toggle.getAttribute("aria-expanded") !== "true";
      setGroupOpen(group, opened);
      saveClosed(group.dataset.group, opened);
      updateCloseAllButton();
    }
  });

  function visibleLinks() {
    return Array.from(scan.querySelectorAll("a.scan-open")).filter(function (link) { return link.offsetParent; });
  }

  scan.addEventListener("keydown", function (event) {
    if (event.altKey || event.shiftKey) { return; }
    var row = event.target.closest(".scan-row");
    if (event.ctrlKey || event.metaKey) {
      if (row && row.dataset.path && event.key.toLowerCase() === "c" && !String(getSelection())) { copy(row.dataset.path); }
      return;
    }
    var links = visibleLinks();
    var target = null;
    if (event.target === searchInput && event.key === "ArrowDown") { target = links[0]; }
    if (row) {
      var index = links.indexOf(row.querySelector(".scan-open"));
      if (event.key === "ArrowDown") { target = links[index + 1]; }
      if (event.key === "ArrowUp") { target = links[index - 1] || searchInput; }
      if (event.key === "Home") { target = links[0]; }
      if (event.key === "End") { target = links[links.length - 1]; }
      if (event.key === "Escape") { target = searchInput; }
    }
    if (target) { event.preventDefault(); target.focus(); }
  });

  // On narrow screens close folders and sizes, and scroll to the chosen items.
  if (matchMedia("(max-width: 60rem)").matches) {
    scan.querySelectorAll(".scan-sidebar details").forEach(function (part) { part.open = false; });
  }
  scan.querySelectorAll(".scan-sidebar [aria-current]").forEach(function (link) {
    var strip = link.closest("ul");
    strip.scrollLeft = link.offsetLeft - strip.offsetLeft - 16;
  });
  scan.querySelectorAll(".scan-keys").forEach(function (keys) { keys.hidden = false; });
  restoreGroups();
  schedulePoll();
})();

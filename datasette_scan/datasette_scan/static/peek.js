// A row of the catalogue opens in place. Without this the same link leads to a page.
(function () {
  "use strict";
  var opened = {}; // name → the address of what is shown
  var count = 0;

  function turns() { return document.querySelectorAll("a.scan-turn[data-peek]"); }
  function turnOf(name) {
    return Array.prototype.find.call(turns(), function (a) { return a.dataset.peek === name; });
  }
  function boxOf(turn) { return document.getElementById(turn.getAttribute("aria-controls") || ""); }

  function remember(name, url) {
    if (!window.history.replaceState) { return; }
    var here = new URL(location.href);
    here.searchParams.delete("peek");
    here.searchParams.delete("table");
    if (name) {
      here.searchParams.set("peek", name);
      var table = new URL(url, location.href).searchParams.get("table");
      if (table) { here.searchParams.set("table", table); }
    }
    history.replaceState(history.state, "", here);
  }

  function open(turn, url) {
    var row = turn.closest("tr");
    var name = turn.dataset.peek;
    var box = boxOf(turn);
    if (!box) {
      box = document.createElement("tr");
      box.className = "scan-peek-row";
      box.id = "scan-peek-" + (count += 1);
      var cell = document.createElement("td");
      cell.colSpan = row.cells.length;
      box.appendChild(cell);
      row.parentNode.insertBefore(box, row.nextSibling);
      turn.setAttribute("aria-controls", box.id);
    }
    turn.setAttribute("aria-expanded", "true");
    opened[name] = url;
    load(turn, box, url);
  }

  function load(turn, box, url) {
    var inside = box.firstElementChild;
    var waiting = setTimeout(function () {
      inside.innerHTML = '<p class="scan-waiting" role="status">Looking inside …</p>';
    }, 150);
    fetch(url + "&_fragment=1", { credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) { throw new Error("the answer is " + answer.status); }
        return answer.text();
      })
      .then(function (text) { inside.innerHTML = text; })
      .catch(function (error) {
        inside.textContent = "It cannot be shown (" + error.message + "). ";
        var again = document.createElement("a");
        again.href = url;
        again.className = "scan-look";
        again.textContent = "Try again";
        inside.appendChild(again);
      })
      .then(function () {
        clearTimeout(waiting);
        document.dispatchEvent(new CustomEvent("scan-shown"));
        var table = box.dataset.focus;
        delete box.dataset.focus;
        if (table === undefined) { return; }
        Array.prototype.forEach.call(box.querySelectorAll("a[data-table]"), function (link) {
          if (link.dataset.table === table) { link.focus(); }
        });
      });
  }

  function close(turn) {
    var box = boxOf(turn);
    if (box) { box.remove(); }
    turn.removeAttribute("aria-controls");
    turn.setAttribute("aria-expanded", "false");
    delete opened[turn.dataset.peek];
  }

  function plain(event) {
    return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  }

  document.addEventListener("click", function (event) {
    var turn = event.target.closest("a.scan-turn[data-peek]");
    var look = event.target.closest(".scan-peek-row a.scan-look");
    if (!(turn || look) || !plain(event)) { return; }
    event.preventDefault();
    if (look) {
      var box = look.closest(".scan-peek-row");
      turn = Array.prototype.find.call(turns(), function (a) { return boxOf(a) === box; });
      if (look.dataset.table) { box.dataset.focus = look.dataset.table; }
      opened[turn.dataset.peek] = look.href;
      remember(turn.dataset.peek, look.href);
      load(turn, box, look.href);
    } else if (turn.getAttribute("aria-expanded") === "true") {
      close(turn);
      remember("", "");
    } else {
      open(turn, turn.href);
      remember(turn.dataset.peek, turn.href);
    }
  });

  // → on a database opens its row, ← closes it.
  document.addEventListener("keydown", function (event) {
    var row = event.target.closest(".scan-row");
    var turn = row && row.querySelector("a.scan-turn[data-peek]");
    if (!turn || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) { return; }
    var isOpen = turn.getAttribute("aria-expanded") === "true";
    if (event.key === "ArrowRight" && !isOpen || event.key === "ArrowLeft" && isOpen) {
      event.preventDefault();
      turn.click();
    }
  });

  document.addEventListener("keydown", function (event) {
    var box = event.key === "Escape" && event.target.closest(".scan-peek-row");
    if (!box) { return; }
    var turn = Array.prototype.find.call(turns(), function (a) { return boxOf(a) === box; });
    event.stopPropagation();
    close(turn);
    remember("", "");
    turn.focus();
  }, true);

  // Each link says that it opens something, also when the list was made anew while it was open.
  function prepare() {
    turns().forEach(function (turn) {
      if (!turn.hasAttribute("aria-expanded")) { turn.setAttribute("aria-expanded", "false"); }
      var url = opened[turn.dataset.peek];
      if (url && !boxOf(turn)) { open(turn, url); }
    });
  }

  var wanted = new URL(location.href).searchParams;
  prepare();
  var first = wanted.get("peek") && turnOf(wanted.get("peek"));
  if (first) {
    var table = wanted.get("table");
    open(first, first.href + (table ? "&table=" + encodeURIComponent(table) : ""));
  }
  var list = document.getElementById("scan-results");
  if (list) { new MutationObserver(prepare).observe(list, { childList: true, subtree: true }); }
})();

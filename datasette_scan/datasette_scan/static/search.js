// The page fills without this: it adds a button that stops the search, and says how far it is.
(function () {
  "use strict";
  var found = document.getElementById("scan-found");
  var stop = document.getElementById("scan-stop");
  var said = document.getElementById("scan-said");
  if (!found || document.readyState === "complete") { return; }
  function last() {
    var steps = found.querySelectorAll(".scan-step");
    return steps.length ? steps[steps.length - 1] : null;
  }
  function say() {
    var step = last();
    if (step && said.textContent !== step.textContent) { said.textContent = step.textContent; }
  }
  var timer = setInterval(say, 5000);
  function ended() {
    clearInterval(timer);
    stop.hidden = true;
    say();
  }
  stop.addEventListener("click", function () {
    window.stop();
    var step = document.createElement("p");
    step.className = "scan-step scan-step-last";
    step.textContent = "Stopped.";
    found.appendChild(step);
    ended();
    document.querySelector(".scan-search input[type=search]").focus();
  });
  if (found.querySelector(".scan-step-last")) { ended(); return; }
  stop.hidden = false;
  document.addEventListener("DOMContentLoaded", ended);
})();

// Adds a button that stops the search, and announces its progress to screen readers.
(function () {
  "use strict";
  var found = document.getElementById("scan-found");
  var stop = document.getElementById("scan-stop");
  var status = document.getElementById("scan-status");
  if (!found || document.readyState === "complete") { return; }
  function lastStep() {
    var steps = found.querySelectorAll(".scan-step");
    return steps.length ? steps[steps.length - 1] : null;
  }
  function announce() {
    var step = lastStep();
    if (step && status.textContent !== step.textContent) { status.textContent = step.textContent; }
  }
  var timer = setInterval(announce, 5000);
  function finish() {
    clearInterval(timer);
    stop.hidden = true;
    announce();
  }
  stop.addEventListener("click", function () {
    window.stop();
    var step = document.createElement("p");
    step.className = "scan-step scan-step-last";
    step.textContent = "Stopped.";
    found.appendChild(step);
    finish();
    document.querySelector(".scan-search input[type=search]").focus();
  });
  if (found.querySelector(".scan-step-last")) { finish(); return; }
  stop.hidden = false;
  document.addEventListener("DOMContentLoaded", finish);
})();

// The panels behind a choice take part in the form only while they are shown; the promise's terms add up as they are ticked.
const yen = new Intl.NumberFormat("en-US");

function arrange(scope) {
  const main = scope.querySelector("input[data-n]:checked")?.dataset.n ?? "none";
  const more = scope.querySelector("input[name=more]:checked")?.dataset.n;
  const chosen = main === "0" && more ? ["0", more] : [main];
  for (const panel of scope.querySelectorAll("fieldset.when")) panel.disabled = !panel.dataset.for.split(" ").some((n) => chosen.includes(n));
}

/** A promise of all is the whole sum; one of a part begins with the oldest term. */
function proposeAmount(outcome) {
  const amounts = [...document.querySelectorAll("#outcome input[name=amount]:not(.is-other)")];
  if (!amounts.length || document.querySelector("#outcome input[name=amount].is-other:checked")) return;
  const whole = amounts.at(-1);
  if (outcome === "promise_full") whole.checked = true;
  else if (outcome === "promise_part" && whole.checked) amounts[0].checked = true;
  else return;
  tickTerms(Number(document.querySelector("#outcome input[name=amount]:checked").value));
}

function addUp() {
  const place = document.getElementById("included-total");
  if (!place) return;
  const ticked = [...document.querySelectorAll("[data-debt-total]:checked")];
  place.textContent = yen.format(ticked.reduce((sum, box) => sum + Number(box.dataset.debtTotal), 0));
  document.getElementById("included-count").textContent = String(ticked.length);
}

/** Ticking terms chooses the amount they add up to: its own option, or "another amount" with the sum in it. */
function chooseAmount() {
  const sum = [...document.querySelectorAll("[data-debt-total]:checked")].reduce((total, box) => total + Number(box.dataset.debtTotal), 0);
  const same = document.querySelector(`#outcome input[name=amount][value="${sum}"]`);
  const other = document.querySelector("#outcome input[name=amount].is-other");
  if (same) same.checked = true;
  else if (other && sum > 0) {
    other.checked = true;
    document.getElementById("promise-other-amount").value = String(sum);
  }
}

/** Choosing an amount ticks the oldest terms that add up to exactly it, if any do. */
function tickTerms(amount) {
  const boxes = [...document.querySelectorAll("[data-debt-total]")].sort((a, b) => Number(a.dataset.order) - Number(b.dataset.order));
  let left = amount;
  const taken = new Set();
  for (const box of boxes) {
    if (left <= 0) break;
    left -= Number(box.dataset.debtTotal);
    taken.add(box);
  }
  if (left === 0) for (const box of boxes) box.checked = taken.has(box);
}

function start(root) {
  for (const scope of root.querySelectorAll(".switch")) arrange(scope);
  addUp();
}

document.addEventListener("change", (event) => {
  const scope = event.target.closest(".switch");
  if (scope) arrange(scope);
  if (event.target.matches("#outcome input[name=outcome]")) proposeAmount(event.target.value);
  if (event.target.matches("[data-debt-total]")) chooseAmount();
  else if (event.target.matches("#outcome input[name=amount]:not(.is-other)")) tickTerms(Number(event.target.value));
  addUp();
});
document.addEventListener("htmx:after:swap", () => start(document));
start(document);

// "Test" asks whether the key is right without leaving the form: what was typed stays.
// Without this script the answer comes on a page of its own.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-test-key]");
  if (!button) return;
  event.preventDefault();
  const said = document.getElementById("key-said");
  button.disabled = true;
  said.className = "";
  said.textContent = button.dataset.asking;
  try {
    const answer = await fetch(button.formAction, {
      method: "POST",
      body: new FormData(button.form),
      headers: { "X-Live": "1" },
    });
    said.textContent = answer.status === 200 || answer.status === 422 ? await answer.text() : button.dataset.failed;
    said.className = answer.ok ? "key-right" : "key-wrong";
  } catch {
    said.textContent = button.dataset.failed;
    said.className = "key-wrong";
  }
  button.disabled = false;
  button.focus();
});

'use strict';
const tip = document.getElementById('tip');
document.addEventListener('pointermove', event => {
  const owner = event.target.closest?.('[data-tip]');
  tip.classList.toggle('on', !!owner);
  if (!owner) return;
  tip.textContent = owner.dataset.tip;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + 'px';
  tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18) + 'px';
});
for (const head of document.querySelectorAll('th[data-sort]')) {
  head.addEventListener('click', () => {
    const up = head.getAttribute('aria-sort') !== 'ascending';
    for (const other of head.parentNode.children) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
    const key = row => row.children[head.cellIndex].dataset.key ?? row.children[head.cellIndex].textContent;
    const number = head.dataset.sort === 'number';
    const body = head.closest('table').tBodies[0];
    const rows = [...body.rows].sort((a, b) => number ? key(a) - key(b) : key(a).localeCompare(key(b)));
    body.append(...(up ? rows : rows.reverse()));
  });
}

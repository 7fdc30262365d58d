"use strict";
const players = [...document.querySelectorAll("audio")];

function toggle(player) {
  if (player.paused) player.play();
  else player.pause();
}

for (const player of players) {
  const card = player.closest(".card");
  const picture = card.querySelector(".picture");
  const playhead = card.querySelector(".playhead");
  const style = getComputedStyle(card.parentElement);
  const left = Number(style.getPropertyValue("--left"));
  const right = Number(style.getPropertyValue("--right"));
  const seconds = Number(card.dataset.seconds);

  const follow = () => {
    playhead.hidden = player.currentTime === 0;
    playhead.style.left = `${100 * (left + (right - left) * player.currentTime / seconds)}%`;
    if (!player.paused) requestAnimationFrame(follow);
  };
  player.addEventListener("play", () => {
    for (const other of players) if (other !== player) other.pause();
    follow();
  });
  player.addEventListener("seeking", follow);
  player.addEventListener("ended", () => { player.currentTime = 0; });
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width - left) / (right - left);
    player.currentTime = Math.min(Math.max(share * seconds, 0), player.duration || 0);
    player.play();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const player = /^[0-9]$/.test(event.key) ? players[Number(event.key)] : undefined;
  if (player) toggle(player);
});

// The LED strip, drawn as light.

export function showLeds(colors) {
  const canvas = document.getElementById("leds");
  const paper = canvas.getContext("2d");
  const { width, height } = canvas;
  paper.clearRect(0, 0, width, height);
  const step = width / Math.max(colors.length, 1);
  colors.forEach((color, index) => {
    const x = (index + 0.5) * step;
    paper.fillStyle = "#262b36";
    disc(paper, x, height / 2, 3.5);
    if (color === "#000000") return;
    const glow = paper.createRadialGradient(x, height / 2, 0, x, height / 2, height / 2);
    glow.addColorStop(0, color);
    glow.addColorStop(1, `${color}00`);
    paper.fillStyle = glow;
    disc(paper, x, height / 2, height / 2);
    paper.fillStyle = color;
    disc(paper, x, height / 2, 3.5);
  });
  canvas.dataset.lit = String(colors.some((color) => color !== "#000000"));
}

function disc(paper, x, y, radius) {
  paper.beginPath();
  paper.arc(x, y, radius, 0, 2 * Math.PI);
  paper.fill();
}

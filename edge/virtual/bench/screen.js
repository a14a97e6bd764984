// The kiosk's screen in the bench: laid out as on a kiosk's upright panel, scaled to the room there is.

const LAYOUT_WIDTH_PX = 600; // a panel of 1080 x 1920 at the usual device pixel ratio of 1.8

export function fitScreen() {
  const room = document.getElementById("screen");
  const frame = room.querySelector("iframe");
  new ResizeObserver(() => {
    const scale = room.clientWidth / LAYOUT_WIDTH_PX;
    frame.style.width = `${LAYOUT_WIDTH_PX}px`;
    frame.style.height = `${room.clientHeight / scale}px`;
    frame.style.transform = `scale(${scale})`;
  }).observe(room);
}

// A chart as a PNG: its title, its legend, the drawing as it is on the screen, and when it was asked.
import { all, closest } from "../dom";

const RATIO = 2;
const PAD = 16;

export function startPng(): void {
  document.addEventListener("click", (event) => {
    const card = closest(event, "[data-png]")?.closest<HTMLElement>("[data-card], .card");
    const canvas = card?.querySelector<HTMLElement>(".chart-canvas");
    if (card && canvas) {
      void save(card, canvas);
    }
  });
}

async function save(card: HTMLElement, canvas: HTMLElement): Promise<void> {
  const style = getComputedStyle(card);
  const background = style.backgroundColor === "rgba(0, 0, 0, 0)" ? getComputedStyle(document.body).backgroundColor : style.backgroundColor;
  const { pictureOf } = await import("../charts/engine");
  const url = pictureOf(canvas, RATIO, background);
  if (!url) {
    return;
  }
  const drawing = new Image();
  drawing.src = url;
  await drawing.decode();
  const title = card.querySelector("h2, h3")?.textContent?.trim() ?? "";
  const legend = all(card, ".chart-legend li").filter((item) => item.querySelector<HTMLInputElement>("input")?.checked);
  const foot = card.querySelector("[data-foot], footer")?.textContent?.replace(/\s+/g, " ").trim() ?? "";
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const head = legend.length ? 48 : 28;
  const picture = document.createElement("canvas");
  picture.width = (width + 2 * PAD) * RATIO;
  picture.height = (height + head + 24 + 2 * PAD) * RATIO;
  const paint = picture.getContext("2d");
  if (!paint) {
    return;
  }
  paint.scale(RATIO, RATIO);
  paint.fillStyle = background;
  paint.fillRect(0, 0, width + 2 * PAD, height + head + 24 + 2 * PAD);
  paint.fillStyle = style.color;
  paint.font = `600 15px ${style.fontFamily}`;
  paint.fillText(title, PAD, PAD + 14, width);
  paint.font = `12px ${style.fontFamily}`;
  let x = PAD;
  for (const item of legend) {
    paint.fillStyle = item.querySelector("svg line")?.getAttribute("stroke") ?? style.color;
    paint.fillRect(x, PAD + 31, 14, 3);
    paint.fillStyle = style.color;
    const name = item.textContent?.trim() ?? "";
    paint.fillText(name, x + 20, PAD + 36);
    x += 20 + paint.measureText(name).width + 18;
  }
  paint.drawImage(drawing, PAD, PAD + head, width, height);
  paint.fillText(foot, PAD, PAD + head + height + 20, width);
  download(await new Promise<Blob | null>((resolve) => picture.toBlob(resolve)), `${card.id.replace(/^card-/, "") || "chart"}.png`);
}

function download(blob: Blob | null, name: string): void {
  if (blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

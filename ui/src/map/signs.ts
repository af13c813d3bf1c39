// The signs on the map, drawn once for each level and priority.
import type { Map as Atlas } from "maplibre-gl";
import { TEXT_FACE } from "@/styles/fonts";
import type { Ink } from "./style";

const RATIO = 2;

function draw(size: number, paint: (pen: CanvasRenderingContext2D) => void): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil(size * RATIO);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("this browser draws no canvas");
  pen.scale(RATIO, RATIO);
  paint(pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

function put(atlas: Atlas, id: string, image: ImageData): void {
  if (atlas.hasImage(id)) atlas.removeImage(id);
  atlas.addImage(id, image, { pixelRatio: RATIO });
}

export interface CaseSign {
  id: string;
  colour: string;
  numeral: string;
}

/** A case is a square with its level's numeral, an alarm a triangle, a unit a small diamond. */
export function addSigns(atlas: Atlas, ink: Ink, scale: number, caseSigns: CaseSign[]): void {
  const side = 22 * scale;
  for (const sign of caseSigns) {
    put(atlas, sign.id, draw(side + 4, (pen) => {
      pen.beginPath();
      pen.roundRect(2, 2, side, side, 3.5 * scale);
      pen.fillStyle = sign.colour;
      pen.strokeStyle = ink.ground;
      pen.lineWidth = 2;
      pen.stroke();
      pen.fill();
      pen.fillStyle = ink.dark;
      pen.font = `600 ${14 * scale}px "${TEXT_FACE}"`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(sign.numeral, side / 2 + 2, side / 2 + 2.5 * scale);
    }));
  }
  const colours = [ink.levels.neutral, ink.levels.red, ink.levels.orange, ink.levels.yellow, ink.levels.blue];
  colours.forEach((colour, priority) => {
    for (const quiet of [false, true]) {
      const size = (quiet ? 11 : 15) * scale;
      put(atlas, `alarm-${priority}${quiet ? "-quiet" : ""}`, draw(size + 4, (pen) => {
        pen.beginPath();
        pen.moveTo(2 + size / 2, 2);
        pen.lineTo(2 + size, 1 + size);
        pen.lineTo(2, 1 + size);
        pen.closePath();
        pen.lineJoin = "round";
        pen.lineWidth = 2;
        pen.strokeStyle = quiet ? (colour ?? "") : ink.ground;
        pen.fillStyle = quiet ? ink.land : (colour ?? "");
        pen.stroke();
        pen.fill();
      }));
    }
  });
  const u = 10 * scale;
  put(atlas, "unit", draw(u + 4, (pen) => {
    pen.translate(u / 2 + 2, u / 2 + 2);
    pen.rotate(Math.PI / 4);
    pen.beginPath();
    pen.rect(-u / 3, -u / 3, (2 * u) / 3, (2 * u) / 3);
    pen.fillStyle = ink.land;
    pen.strokeStyle = ink.ink;
    pen.lineWidth = 1.4 * scale;
    pen.fill();
    pen.stroke();
  }));
}

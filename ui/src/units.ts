// Units as they stand, told by push; a map that shows them asks for all once.
import { shallowReactive } from "vue";
import { api } from "@/api/client";
import { may } from "@/session";
import type { Page, Unit } from "@/api/types";

export const units = shallowReactive(new Map<string, Unit>());

/** Each telling carries the whole unit; one that is older than what is held is left out. */
export function applyUnit(unit: Unit): void {
  const held = units.get(unit.unit);
  if (!held || unit.version >= held.version) units.set(unit.unit, unit);
}

export async function loadUnits(): Promise<void> {
  if (!may("unit.read")) return;
  const page = await api.get<Page<Unit>>("/api/units");
  page.items.forEach(applyUnit);
}

export function forgetUnits(): void {
  units.clear();
}

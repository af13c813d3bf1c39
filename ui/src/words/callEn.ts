import type { CallWords } from "./callZh";

export const callEn: CallWords = {
  title: "Take a call", open: "Take a call", key: "take a call or a visit", hint: "When somebody calls, press i.", what: "What they tell", whatHint: "In their own words", matter: "Matter", matterHint: "Name or code; left empty, the system judges", matterLikely: "May be", matterNone: "There is no such matter; it may stay empty", change: "Change",
  where: "Where", address: "Address or landmark", addressHint: "Estate, street, number or crossing", division: "Division", anywhere: "By the address", pin: "Mark it on the map", unpin: "Take the mark away", pinned: (metres) => (metres ? `Marked, to some ${metres} m` : "Marked"),
  who: "Caller", name: "Name", phone: "Phone", confidential: "Asks to stay unnamed", masked: "Name and phone are masked from here on: to see them takes a reason, which is kept.", channel: "Came by", urgency: "Urgency", urgencies: { ordinary: "ordinary", urgent: "urgent", critical: "critical" },
  same: "May be the same", none: "No open case is like it", looking: "Comparing…", unseen: "Could not be compared: the server was not reached. Take it all the same; the system decides whether it joins.", waiting: "Compared with the open cases as you type: place, matter, words", use: "Use its matter and place", signals: (n) => (n === 1 ? "1 signal" : `${n} signals`),
  begun: "This was begun before and not taken.", anew: "Begin anew", stillHere: "what you wrote is still here: take it once more",
  save: "Take it", textNeeded: "Write first what they tell", placeNeeded: "Give an address or a division, or mark it on the map: without a place nobody can be sent", taken: "Taken", waitsCase: "It opens or joins a case now", opened: (number) => `Opened case ${number}`, joined: (number) => `Joined case ${number}`, slow: "No case yet: look for it in the list later", show: "Open the case", next: "Take the next",
};

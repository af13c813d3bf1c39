// Ask a person before a deed: for a reason, for a yes, for what the step needs.
import { shallowRef } from "vue";

export interface Want {
  key: string;
  label: string;
  kind: "text" | "area" | "number" | "choice" | "select" | "secret";
  choices?: { value: string; label: string }[];
  initial?: string;
  optional?: boolean;
  hint?: string;
}

export interface Question {
  title: string;
  text?: string;
  confirm: string;
  risk?: boolean;
  wants: Want[];
  resolve: (answer: Record<string, string> | null) => void;
}

export const question = shallowRef<Question | null>(null);

/** The answers by key, or null when the person thought better of it. */
export function ask(what: Omit<Question, "resolve">): Promise<Record<string, string> | null> {
  question.value?.resolve(null);
  return new Promise((resolve) => {
    question.value = {
      ...what,
      resolve: (answer) => {
        question.value = null;
        resolve(answer);
      },
    };
  });
}

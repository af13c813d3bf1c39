import { useRouter } from "vue-router";
import { die } from "@/live";
import { signOut } from "@/session";
import { failed } from "@/toast";

/** Signing out from a page: nothing of this account is heard any more, and the next one signs in. */
export function useLeave(): () => Promise<void> {
  const router = useRouter();
  return async () => {
    try {
      await signOut();
    } catch (problem) {
      return failed(problem);
    }
    die();
    await router.replace("/login");
  };
}

// Passkeys (WebAuthn): the server's JSON to what the browser takes, and back.

type Json = Record<string, unknown>;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** Whether this browser, at this address, can have passkeys. */
export const possible = (): boolean => window.isSecureContext && typeof PublicKeyCredential === "function";

/** A new passkey in the person's device; throws when the person says no. */
export async function create(options: Json): Promise<Json> {
  const user = options.user as Json;
  const held = (options.excludeCredentials as Json[] | undefined) ?? [];
  const made = (await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge as string),
      user: { ...user, id: bytes(user.id as string) },
      excludeCredentials: held.map((one) => ({ ...one, id: bytes(one.id as string) })),
    } as unknown as PublicKeyCredentialCreationOptions,
  })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
    clientExtensionResults: {},
  };
}

/** A proof by one of the passkeys in the person's device; throws when the person says no. */
export async function get(options: Json): Promise<Json> {
  const used = (await navigator.credentials.get({
    publicKey: { ...options, challenge: bytes(options.challenge as string), allowCredentials: [] } as unknown as PublicKeyCredentialRequestOptions,
  })) as PublicKeyCredential;
  const response = used.response as AuthenticatorAssertionResponse;
  return {
    id: used.id,
    rawId: text(used.rawId),
    type: used.type,
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    },
    clientExtensionResults: {},
  };
}

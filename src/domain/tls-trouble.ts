/**
 * Why a connection over TLS was not made, in words for people, from the code of the error.
 */

const reasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; look at the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name than that in the URL',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port',
  EPROTO: 'it does not speak TLS on this port, or no version of it that is allowed here',
};

/** The certificate leads to no authority that is trusted. */
const untrusted =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|CERT_(UNTRUSTED|SIGNATURE_FAILURE|CHAIN_TOO_LONG)|INVALID_(CA|PURPOSE))$/;

/**
 * Null for a code that says nothing of TLS.
 * @param parameter what names the file of the authority in the URL
 */
export function describeTlsTrouble(code: string, parameter: string): string | null {
  if (!untrusted.test(code)) return reasons[code] ?? null;
  return `its certificate is not signed by an authority that is trusted here; name the file of the right one in the URL, as ${parameter}=FILE`;
}

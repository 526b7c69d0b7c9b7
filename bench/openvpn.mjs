// OpenVPN from point to point, over UDP or TCP: both ends know each other's certificate by its fingerprint, so there is no CA.
import { X509Certificate } from "node:crypto";
import { output } from "../scripts/programs.mjs";

/** @import { Way } from "./way.mjs" */

const DEVICE = "ovpn-bench";
const PORT = 1194;
/** Its static keys know no AEAD: only a session by TLS does. */
export const CIPHER = "AES-128-GCM";

/** It reads its configuration, which holds keys, from standard input, so that no file is left behind. */
const FROM_ENVIRONMENT = "exec openvpn --config stdin <<END\n$OPENVPN_CONFIG\nEND";

/**
 * Starts it at both ends.
 * @param {Way} way
 * @param {"udp" | "tcp"} carrier
 */
export function startOpenVpn(way, carrier = "udp") {
  const identities = [makeIdentity(), makeIdentity()];
  const [a] = way.ends;
  way.start(
    (end) => {
      const isServer = end.host === a.host;
      const [ours, theirs] = isServer ? identities : identities.toReversed();
      const config = [
        `dev ${DEVICE}`,
        "dev-type tun",
        ...(carrier === "udp"
          ? ["proto udp", `remote ${end.outerPeer} ${PORT}`]
          : isServer
            ? ["proto tcp-server", "tcp-nodelay"]
            : ["proto tcp-client", "tcp-nodelay", `remote ${end.outerPeer} ${PORT}`]),
        ...(carrier === "udp" || isServer ? [`port ${PORT}`] : ["nobind", "connect-retry 1"]),
        `ifconfig ${end.local} ${end.peer}`,
        `ifconfig-ipv6 ${end.local6}/64 ${end.peer6}`,
        `data-ciphers ${CIPHER}`,
        "verb 1",
        ...(isServer ? ["tls-server", "dh none"] : ["tls-client"]),
        `peer-fingerprint ${theirs?.fingerprint}`,
        `<cert>\n${ours?.certificate}\n</cert>`,
        `<key>\n${ours?.key}\n</key>`,
      ].join("\n");
      return { command: "sh", args: ["-c", FROM_ENVIRONMENT], env: { OPENVPN_CONFIG: config } };
    },
    { ipv6: true },
  );
}

/** A certificate that its owner has signed, and its key, for this run. */
function makeIdentity() {
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];
  const words = ["req", "-x509", ...kind, "-subj", "/CN=bench", "-days", "2", "-keyout", "-"];
  const made = output("openssl", words) ?? "";
  const part = (/** @type {string} */ name) =>
    new RegExp(`-----BEGIN ${name}-----[^]*?-----END ${name}-----`).exec(made)?.[0] ?? "";
  const [key, certificate] = [part("PRIVATE KEY"), part("CERTIFICATE")];
  if (key === "" || certificate === "") throw new Error("openssl made no certificate");
  return { key, certificate, fingerprint: new X509Certificate(certificate).fingerprint256 };
}

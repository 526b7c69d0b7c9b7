// What `run` tells of the connections of a tunnel over TCP.

import { endpointText } from "../carrier/carrier.js";
import type { TcpEvent } from "../carrier/tcp/events.js";
import type { Report } from "./report.js";

export function tellTcpEvent(report: Report, event: TcpEvent): void {
  const { type, ...data } = event;
  switch (event.type) {
    case "connected":
      report.tell(type, data, `connected to ${endpointText(event.peer)}`);
      break;
    case "disconnected":
      report.tell(
        type,
        data,
        `the connection to ${endpointText(event.peer)} is over (${event.why}): packets are dropped until the next client comes`,
      );
      break;
    case "reconnecting": {
      const { peer, why, inSeconds, attempt } = event;
      const seconds = `${inSeconds.toFixed(1)} s`;
      // Once for people: that it is tried again and again is said by the first line.
      report.tell(
        type,
        data,
        attempt === 1
          ? `no connection to ${endpointText(peer)} (${why}): packets are dropped; trying until there is one`
          : `still no connection to ${endpointText(peer)} (${why}): next attempt in ${seconds}`,
        attempt === 1 ? 0 : 1,
      );
      break;
    }
    case "turned_away":
      report.tell(type, data, `sent ${endpointText(event.source)} away: ${event.why}`, 1);
      break;
  }
}

import type { LeaderEpoch, Offset } from "../ids.ts";
import { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { ReplicatedState } from "../replicated-state/replicated-state-machine.ts";

/** The metadata image as the controller decides on it. */
export class ControllerState implements ReplicatedState<MetadataRecord, ControllerState> {
  readonly image: MetadataImage;

  constructor(image: MetadataImage = new MetadataImage()) {
    this.image = image;
  }

  apply(record: MetadataRecord, offset: Offset, epoch: LeaderEpoch): void {
    // Nobody acts on the difference here: the controller looks at the image itself.
    this.image.apply(record, offset, epoch, new MetadataDelta());
  }

  copy(): ControllerState {
    return new ControllerState(this.image.copy());
  }
}

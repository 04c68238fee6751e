/** 2 is a topic, 4 a broker (ConfigResource.java). */
export const TOPIC_RESOURCE = 2;
export const BROKER_RESOURCE = 4;

/** DescribeConfigs (key 32), version 4: answered by a broker. */
export interface DescribeConfigsRequest {
  readonly resources: readonly {
    readonly resourceType: number;
    readonly resourceName: string;
    /** Null for all. */
    readonly configurationKeys: readonly string[] | null;
  }[];
}

export interface DescribeConfigsResponse {
  readonly results: readonly {
    readonly errorCode: number;
    readonly errorMessage: string | null;
    readonly resourceType: number;
    readonly resourceName: string;
    readonly configs: readonly {
      readonly name: string;
      readonly value: string | null;
      /** Set on that resource itself, rather than a default. */
      readonly isDefault: boolean;
    }[];
  }[];
}

/** IncrementalAlterConfigs (key 44), version 1: answered by the controller. */
export interface IncrementalAlterConfigsRequest {
  readonly resources: readonly {
    readonly resourceType: number;
    readonly resourceName: string;
    readonly configs: readonly {
      readonly name: string;
      /** 0 set, 1 delete. */
      readonly configOperation: number;
      readonly value: string | null;
    }[];
  }[];
  readonly validateOnly: boolean;
}

export interface IncrementalAlterConfigsResponse {
  readonly responses: readonly {
    readonly errorCode: number;
    readonly errorMessage: string | null;
    readonly resourceType: number;
    readonly resourceName: string;
  }[];
}

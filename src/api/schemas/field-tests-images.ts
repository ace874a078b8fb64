/** Which test sees the effect of each field of images of the account's own registry. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const IMAGES = "test/workers/images-api.test.ts";

const FORCED = "name who uses them, and are not deleted then unless that is forced";

export const IMAGE_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  ChangeRepository: {
    is_public: [IMAGES, "are public as soon as that is said, and private as soon as it is taken back"],
  },
  query: {
    "force (DELETE /images/{repository}/tags/{tag}, DELETE /images/{repository}/manifests/{digest})": [IMAGES, FORCED],
  },
  CollectionInput: {
    dry_run: [IMAGES, "is counted by a dry run, and collected without one"],
    untagged: [IMAGES, "has manifests without a tag only when that is said, and never those in use"],
    repository: [IMAGES, "is counted by a dry run, and collected without one"],
  },
};

// What is thrown when something cannot be done: one sentence, and the kind of fault.

/**
 * - `usage`: a wrong word or value on the command line
 * - `input`: a file or other input that is refused
 * - `system`: the system refuses or lacks something
 * - `fault`: something of ours does not work
 */
export type FailureKind = "usage" | "input" | "system" | "fault";

/** A fault that a person can do something about: never shown with a trace. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;
  /** Lines to show below the sentence as they stand, such as commands to copy. */
  readonly hints: readonly string[];

  /**
   * @param message one sentence: what, where, what to do
   */
  constructor(kind: FailureKind, message: string, hints: readonly string[] = []) {
    super(message);
    this.kind = kind;
    this.hints = hints;
  }
}

/** The system's name for an error (`"EPERM"`), if it has one. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

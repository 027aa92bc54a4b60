/** The Worker is configured with the page's files, so they are built before it starts. */
import { buildPage, PAGE_DIST } from "../../package/page.ts";

export const setup = async (): Promise<void> => void (await buildPage(PAGE_DIST));

/** A file as the text that it is: inside workerd there is no other way to read one. */
declare module "*?raw" {
  const text: string;
  export default text;
}

// Package archtest holds the rules of the house as tests: who may import whom,
// which package alone may use a driver or a framework, and how files are kept.
//
// A package without a rule fails the test. That is on purpose: where a new package
// stands is decided when it is made, in the table mayImport.
package archtest

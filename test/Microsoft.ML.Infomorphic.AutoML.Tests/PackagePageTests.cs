using Microsoft.ML.Infomorphic.Documentation.Tests;
using PageCode;

namespace Microsoft.ML.Infomorphic.AutoML.Tests;

/// <summary>The code that the package's page shows is what a reader pastes: it compiles, with its usings, and runs.</summary>
[TestClass]
public sealed class PackagePageTests
{
    // Changes the current directory and the console's output, which all tests share.
    [TestMethod]
    [DoNotParallelize]
    [TestCategory("Slow")]
    public void The_code_of_the_page_is_a_program_that_finds_a_network_and_saves_it()
    {
        const string Page = "Microsoft.ML.Infomorphic.AutoML/PACKAGE.md";
        PageProgram.Run(
            PageProgram.Compile(Page, PageCode.Page.ToProgram(Page, Repository.Read(Page))!),
            written =>
            {
                StringAssert.Contains(written, " epochs: log-loss 0.");
                Assert.IsNotNull(new MLContext().Model.Load("wine.zip", out _));
            }
        );
    }
}

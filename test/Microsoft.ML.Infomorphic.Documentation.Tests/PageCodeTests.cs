using System.Globalization;
using System.Reflection;
using PageCode;

namespace Microsoft.ML.Infomorphic.Documentation.Tests;

/// <summary>The code that pages show is what a reader pastes: it compiles, with its usings, and runs.</summary>
[TestClass]
public sealed class PageCodeTests
{
    // Asks for what not every machine has: a PyTorch.
    private static readonly string[] CompiledOnly = ["docs/GPU.md"];

    // Needs ML.NET's AutoML, and is run by the tests of the adapter.
    private const string OfTheAdapter = "Microsoft.ML.Infomorphic.AutoML/PACKAGE.md";

    public static IEnumerable<object[]> PagesWithCode =>
        Repository
            .Pages.Where(page => page != OfTheAdapter && Page.ToProgram(page, Repository.Read(page)) is not null)
            .Select(page => new object[] { page });

    // Changes the current directory and the console's output, which all tests share.
    [TestMethod]
    [DoNotParallelize]
    [TestCategory("Slow")]
    [DynamicData(nameof(PagesWithCode))]
    public void The_code_of_a_page_pasted_in_its_order_is_a_program_that_runs(string page)
    {
        MethodInfo program = PageProgram.Compile(page, Page.ToProgram(page, Repository.Read(page))!);
        if (!CompiledOnly.Contains(page))
            PageProgram.Run(program, written => Check(page, written));
    }

    [TestMethod]
    public void An_error_in_a_page_is_reported_with_the_line_of_the_page()
    {
        const string Markdown = "# A page\n\n```csharp\nint a = 1;\n```\n\nText.\n\n```csharp\nint b = a + ;\n```\n";

        var error = Assert.ThrowsExactly<FormatException>(() => Page.ToProgram("a.md", Markdown));
        StringAssert.StartsWith(error.Message, "a.md(10): ");
        Assert.ThrowsExactly<FormatException>(() => Page.ToProgram("a.md", "```csharp\nint a = 1;\n"));
        Assert.IsNull(Page.ToProgram("a.md", "```sh\ndotnet run\n```\n"));
    }

    [TestMethod]
    public void Usings_come_first_and_types_last_whatever_the_order_of_the_page()
    {
        const string Markdown = """
            ```csharp
            using System.Text;
            var row = new Row(1);
            internal sealed record Row(int Number);
            ```
            ```csharp
            using System.Text;
            using System.Globalization;
            if (row.Number != 1 || CultureInfo.InvariantCulture.Name.Length > 0 || new StringBuilder().Length > 0)
                throw new InvalidOperationException();
            ```
            """;

        MethodInfo program = PageProgram.Compile("a.md", Page.ToProgram("a.md", Markdown)!);
        program.Invoke(null, [Array.Empty<string>()]);
    }

    // What pages promise of what their code prints.
    private static void Check(string page, string written)
    {
        switch (page)
        {
            case "README.md":
            case "Microsoft.ML.Infomorphic/PACKAGE.md":
                // The largest class has two fifths of the rows.
                string accuracy = written.Split("accuracy ")[1].Split('%')[0];
                Assert.IsGreaterThan(80, double.Parse(accuracy, CultureInfo.CurrentCulture), written);
                break;
            case "docs/GUIDE.md":
                // By hand: log2(2/3) and 1 + log2(2/3).
                StringAssert.Contains(written, "0.415 bits only together, -0.585 bits redundantly");
                Assert.IsTrue(File.Exists("report.html"));
                break;
        }
    }
}
